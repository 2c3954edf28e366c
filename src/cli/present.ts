type Optional<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> }
type Required_<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }

/** The members that have a value: with exactOptionalPropertyTypes, absent and undefined are different things. */
export function present<T extends object> (members: T): Required_<T> & Optional<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Required_<T> & Optional<T>
}
