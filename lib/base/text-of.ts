/** The message of what was thrown, which may be anything at all, an error of another realm too. */
export function textOf(thrown: unknown): string {
  try {
    const isError = typeof thrown === 'object' && thrown !== null && 'message' in thrown;
    const text: unknown = isError ? thrown.message : String(thrown);
    if (typeof text === 'string') return text;
  } catch {
    // It has no text, or one that throws.
  }
  return 'What was thrown has no text';
}
