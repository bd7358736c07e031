// What the system said no with, from whatever was thrown.

/** `ENOENT` and the like; empty for what is no error of the system. An AirlockError's own code counts too. */
export function errnoOf(thrown: unknown): string {
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : '';
}
