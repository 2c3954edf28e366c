import { peer } from '@hyperledger/fabric-protos'

/** Results in one message between peer and chaincode; it bounds the message, not what the contract can read. */
const pageSize = 100

/** One result of a query: its encoded record, and the key that a bookmark would name. */
export interface QueryItem {
  readonly key: string
  readonly record: Uint8Array
}

interface OpenIterator {
  readonly source: AsyncIterator<QueryItem>
  /** Pulled already, to know that there is more; opens the next page. */
  ahead: QueryItem | undefined
}

/** The open query iterators of one transaction. Owned by the transaction; closed with it. */
export class Iterators {
  readonly #open = new Map<string, OpenIterator>()
  #count = 0

  /** The first page of `source`; later ones by the id in it. */
  async open (source: AsyncIterator<QueryItem>): Promise<Uint8Array> {
    const id = String(++this.#count)
    this.#open.set(id, { source, ahead: undefined })
    return await this.next(id)
  }

  async next (id: string): Promise<Uint8Array> {
    const iterator = this.#open.get(id)
    if (iterator === undefined) throw new Error('query iterator not found')
    const page: QueryItem[] = []
    let item = iterator.ahead ?? await pull(iterator.source)
    while (item !== undefined && page.length < pageSize) {
      page.push(item)
      item = await pull(iterator.source)
    }
    iterator.ahead = item
    if (item === undefined) this.#open.delete(id)
    return queryResponse(id, page, item !== undefined).serializeBinary()
  }

  /** Stops an iterator early; an unknown id is fine, since the last page closes by itself. */
  async close (id: string): Promise<Uint8Array> {
    const iterator = this.#open.get(id)
    this.#open.delete(id)
    await iterator?.source.return?.()
    return queryResponse(id, [], false).serializeBinary()
  }

  async closeAll (): Promise<void> {
    for (const id of [...this.#open.keys()]) await this.close(id)
  }
}

/** One page that the contract asked for by size: everything in one message, and the key at which the next page starts. */
export async function explicitPage (source: AsyncIterator<QueryItem>, size: number): Promise<Uint8Array> {
  const page: QueryItem[] = []
  let item = await pull(source)
  while (item !== undefined && page.length < size) {
    page.push(item)
    item = await pull(source)
  }
  await source.return?.()
  const metadata = new peer.QueryResponseMetadata()
  metadata.setFetchedRecordsCount(page.length)
  metadata.setBookmark(item?.key ?? '')
  const response = queryResponse('', page, false)
  response.setMetadata(metadata.serializeBinary())
  return response.serializeBinary()
}

async function pull (source: AsyncIterator<QueryItem>): Promise<QueryItem | undefined> {
  const next = await source.next()
  return next.done === true ? undefined : next.value
}

function queryResponse (id: string, page: readonly QueryItem[], hasMore: boolean): peer.QueryResponse {
  const response = new peer.QueryResponse()
  response.setId(id)
  response.setHasMore(hasMore)
  response.setResultsList(page.map((item) => {
    const result = new peer.QueryResultBytes()
    result.setResultbytes(item.record)
    return result
  }))
  return response
}
