import { runBuilder } from './ccaas-builder.js'

process.exitCode = runBuilder(process.argv.slice(2), process.env['CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG'])
