import { numberKey, type Prefix } from '../../store/keys.js'

/** The key of a decimal number that was stored as text; undefined when it is none. */
export function numberKeyOf (prefix: Prefix, text: unknown): Buffer | undefined {
  return typeof text === 'string' && /^(0|[1-9][0-9]{0,15})$/.test(text) ? numberKey(prefix, Number(text)) : undefined
}
