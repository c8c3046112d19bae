/** FNV-1a of 64 bits, in hexadecimal: both ends are to notice that they differ, and neither has to prove it. */
export function shorten(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of new TextEncoder().encode(text)) {
    const mixed = low ^ byte;
    // Times 2 ** 40 + 0x1b3.
    const product = (mixed >>> 0) * 0x1b3;
    high = Math.imul(high, 0x1b3) + (mixed << 8) + Math.floor(product / 2 ** 32);
    low = product >>> 0;
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
