/** Why the lifecycle does not do what it was asked, in Fabric's words. */
export class LifecycleRefusal extends Error {
  /** Of the response: 404 for what is not there, else 500. */
  readonly status: 404 | 500

  constructor (message: string, status: 404 | 500 = 500) {
    super(message)
    this.name = 'LifecycleRefusal'
    this.status = status
  }
}
