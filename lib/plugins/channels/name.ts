const maxNameBytes = 255;
const maxUnitBytes = 3;
const utf8 = new TextEncoder();

/** Whether `value` may name a channel or a topic: a text of 1 to 255 bytes in UTF-8. */
export function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > maxNameBytes) return false;
  return value.length * maxUnitBytes <= maxNameBytes || utf8.encode(value).length <= maxNameBytes;
}
