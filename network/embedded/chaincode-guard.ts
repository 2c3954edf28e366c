// Loaded into the chaincode's process before anything else: when the network's process goes, however it goes, the channel
// between the two breaks, and the chaincode must not stay behind.
process.on('disconnect', () => { process.exit(0) })
process.channel?.unref()
