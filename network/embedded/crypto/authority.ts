import type { CertificateAuthority, IssueRequest } from '../channel.js'
import { issueCertificate, type KeyedCertificate } from './certificates.js'
import { createRevocationList } from './revocation-list.js'

/** What an organization's CA is made of. */
export interface AuthorityOptions {
  readonly name: string
  readonly root: KeyedCertificate
  readonly registrar: CertificateAuthority['registrar']
  /** The network's kind marker (see `kindMarker`), put into every certificate. */
  readonly marker: string
}

const DAYS = 3650

/** The signing CA of one organization. */
export function createAuthority (options: AuthorityOptions): CertificateAuthority {
  return {
    name: options.name,
    certificatePem: options.root.certPem,
    registrar: options.registrar,
    issue: async (request) => await issueCertificate(options.root, leafOf(request, options.marker)),
    revocationList: async (revoked) => await createRevocationList(options.root, revoked)
  }
}

function leafOf (request: IssueRequest, marker: string): Parameters<typeof issueCertificate>[1] {
  return {
    commonName: request.commonName,
    organizationalUnits: [request.role, ...(request.organizationalUnits ?? []), marker],
    publicKey: request.publicKey,
    days: request.days ?? DAYS,
    ...(request.hosts === undefined ? {} : { hosts: request.hosts }),
    ...(request.attributes === undefined ? {} : { attributes: request.attributes })
  }
}
