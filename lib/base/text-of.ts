/** The message of what was thrown, which may be anything at all. */
export function textOf(thrown: unknown): string {
  try {
    const text: unknown = thrown instanceof Error ? thrown.message : String(thrown);
    if (typeof text === 'string') return text;
  } catch {
    // It has no text, or one that throws.
  }
  return 'What was thrown has no text';
}
