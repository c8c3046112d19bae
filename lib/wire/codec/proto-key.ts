const word = Uint8Array.from('__proto__', (letter) => letter.charCodeAt(0));
const last = word.length - 1;

/** How far the word may be moved on when a byte stands under its last letter; 0 for that letter itself. */
const skips = new Uint8Array(256).fill(word.length);
for (let at = 0; at < last; at++) skips[word[at] as number] = last - at;
skips[word[last] as number] = 0;

/** Whether the text `__proto__` stands in `bytes`. Looks at every seventh byte or so, since each body is asked. */
export function holdsProto(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start + last;
  while (at < end) {
    const skip = skips[bytes[at] as number] as number;
    if (skip > 0) {
      at += skip;
      continue;
    }
    let same = 1;
    while (same <= last && bytes[at - same] === word[last - same]) same += 1;
    if (same > last) return true;
    at += 1;
  }
  return false;
}
