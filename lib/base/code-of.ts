/**
 * The code of what was thrown, such as `ENOENT`; undefined where it has none. Asks what it has, not what it is: in test
 * runners the errors of Node itself are of another realm, and no instances of `Error` here.
 */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
