/** The message of what was thrown, which may be anything at all, an error of another realm too. */
export function textOf(thrown: unknown): string {
  try {
    const isError = typeof thrown === 'object' && thrown !== null && 'message' in thrown;
    const text: unknown = isError ? thrown.message : String(thrown);
    if (typeof text === 'string') return text;
  } catch {
    // It has no text, or one that throws.
  }
  return 'The thrown value has no text';
}

/**
 * The code of what was thrown, such as `ENOENT`; undefined where it has none. Asks what it has, not what it is: in test
 * runners the errors of Node itself are of another realm, and no instances of `Error` here. One that throws when it is
 * asked has none.
 */
export function codeOf(thrown: unknown): string | undefined {
  try {
    if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
    return typeof thrown.code === 'string' && thrown.code !== '' ? thrown.code : undefined;
  } catch {
    return undefined;
  }
}
