import { utf8 } from '../../../src/core/bytes.js'
import { mspConfig } from '../../shared/proto.js'

/** An MSP's roots. */
export interface MspRoots {
  readonly mspId: string
  readonly caPem: string
  readonly tlsCaPem: string
}

/** The `msp.MSPConfig` of an organization: one signing root, one TLS root, node OUs on. */
export function mspConfigOf (roots: MspRoots): mspConfig.MSPConfig {
  const config = new mspConfig.FabricMSPConfig()
  config.setName(roots.mspId)
  config.setRootCertsList([utf8(roots.caPem)])
  config.setTlsRootCertsList([utf8(roots.tlsCaPem)])
  config.setFabricNodeOus(nodeOus(roots.caPem))
  const crypto = new mspConfig.FabricCryptoConfig()
  crypto.setSignatureHashFamily('SHA2')
  crypto.setIdentityIdentifierHashFunction('SHA256')
  config.setCryptoConfig(crypto)
  const message = new mspConfig.MSPConfig()
  message.setConfig(config.serializeBinary()) // type 0: a Fabric MSP
  return message
}

function nodeOus (caPem: string): mspConfig.FabricNodeOUs {
  const unit = (name: string): mspConfig.FabricOUIdentifier => {
    const identifier = new mspConfig.FabricOUIdentifier()
    identifier.setCertificate(utf8(caPem))
    identifier.setOrganizationalUnitIdentifier(name)
    return identifier
  }
  const ous = new mspConfig.FabricNodeOUs()
  ous.setEnable(true)
  ous.setClientOuIdentifier(unit('client'))
  ous.setPeerOuIdentifier(unit('peer'))
  ous.setAdminOuIdentifier(unit('admin'))
  ous.setOrdererOuIdentifier(unit('orderer'))
  return ous
}
