/** What a terminal may take for a command, or shows as nothing: control and format characters. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text that others chose, without anything that could write to a terminal but letters; lines stay. */
export function printable(text: string): string {
  return text.replace(unprintable, (found) => (found === '\n' ? found : escaped(found)));
}

/** The same, as one line. */
export const line = (text: string): string => printable(text).replaceAll('\n', '\\n');

/** A value as one line of JSON, made printable. What JSON cannot represent becomes text, lists, or `{ base64 }`. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, plain).replace(unprintable, escaped);
}

function escaped(found: string): string {
  let text = '';
  for (let at = 0; at < found.length; at++) text += `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return text;
}

function plain(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  // What it was before its own toJSON, if it has one.
  const given = this[key];
  if (given instanceof Uint8Array) return { base64: Buffer.from(given).toString('base64') };
  if (given instanceof Map || given instanceof Set) return [...given];
  if (given instanceof Error) return { name: given.name, message: given.message };
  if (ArrayBuffer.isView(given) && !(given instanceof DataView)) return [...(given as Float64Array)];
  if (typeof given === 'bigint' || (typeof given === 'number' && !Number.isFinite(given))) return String(given);
  return value;
}
