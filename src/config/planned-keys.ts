// Keys of airlock.yaml that belong to safeguards which do not exist yet. They are refused with a word of their own: a key that
// is accepted and does nothing would make an operator believe in a protection that is not there. Who builds one moves its key
// from here to schema.ts.

/** By the place in the file, list indexes written as `[]`. */
export const plannedKeys: ReadonlyMap<string, string> = new Map([
  ['listen.grpc', 'the gRPC interface'],
  ['listen.admin', 'the admin interface'],
]);
