/** The description of the API that the service gives. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { pino } from 'pino'
import t from 'tap'
import { createApp } from '../../src/http/app.js'
import { world } from '../support/notary-world.js'

t.test('the description of the API is complete and valid', async (t) => {
  const at = await world(t)
  const app = await createApp({ notary: at.notary, logger: pino({ level: 'silent' }), maxFileSize: 1000, rateLimit: 0, version: '0' })
  t.teardown(async () => { await app.close() })
  const api = (await app.inject('/openapi.json')).json()
  t.match(api.openapi, /^3\.1\./)
  const parts = (path: string, type: string): string[] => Object.keys(api.paths[path].post.requestBody.content[type].schema.properties)
  t.same(parts('/v1/evidence', 'multipart/form-data'), ['file', 'metadata', 'sha256', 'sm3', 'claim'])
  t.same(parts('/v1/verify', 'multipart/form-data'), ['file', 'sha256', 'sm3', 'number', 'proof'])
  t.ok(parts('/v1/verify', 'application/json').includes('proof'))
  t.same(Object.keys(api.paths['/v1/evidence/bulk'].post.requestBody.content), ['application/x-ndjson'])
  t.same(Object.keys(api.paths['/v1/evidence'].post.responses), ['201', '400', '401', '403', '413', '415', '422', '500', '503', '507'])
  t.ok(api.paths['/metrics'].get.responses['200'].content['text/plain'])
  t.ok(api.components.schemas.Problem.properties.code.enum.includes('DIGEST_MISMATCH'))
  t.ok(api.components.responses.Problem503.headers['Retry-After'])

  // What 3.1 demands of the parts that we use: references that lead somewhere, unique ids, path parameters declared, schemas of 2020-12.
  const ajv = new Ajv2020({ strict: false })
  addFormats.default(ajv)
  const resolve = (pointer: string): any => pointer.split('/').slice(1).reduce((value, key) => value?.[key], api)
  const visit = (value: any, key = ''): void => {
    if (typeof value !== 'object' || value === null) return
    if (typeof value.$ref === 'string') t.ok(resolve(value.$ref), value.$ref)
    if (key === 'schema') t.ok(ajv.validateSchema(value), JSON.stringify(value).slice(0, 80))
    if (key === 'content') t.ok(Object.keys(value).every((type) => /^[a-z]+\/[a-z+-]+$/.test(type)))
    for (const [name, child] of Object.entries(value)) visit(child, name)
  }
  visit(api)
  const operations = Object.entries(api.paths as Record<string, Record<string, any>>)
    .flatMap(([path, methods]) => Object.values(methods).map((operation) => ({ path, ...operation })))
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
  for (const { path, operationId, parameters = [], responses } of operations) {
    t.type(operationId, 'string', path)
    const declared = parameters.filter((each: any) => each.in === 'path' && each.required === true).map(({ name }: any) => name)
    t.same(declared.sort(), [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(), path)
    t.ok(Object.entries<any>(responses).every(([status, { $ref, description }]) => /^[1-5]\d\d$/.test(status) && ($ref ?? description) !== undefined), path)
  }
})
