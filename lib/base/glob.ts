/** Whether `text` is what `glob` means: `*` is any text, `?` one character, all else itself. Takes time for length times length at most. */
export function fitsGlob(glob: string, text: string): boolean {
  let [at, place] = [0, 0];
  /** Where to continue when the text behind the last star does not fit. */
  let [star, retry] = [-1, 0];
  while (place < text.length) {
    if (glob[at] === '*') {
      star = at;
      retry = place;
      at += 1;
    } else if (at < glob.length && (glob[at] === '?' || glob[at] === text[place])) {
      at += 1;
      place += 1;
    } else if (star >= 0) {
      at = star + 1;
      retry += 1;
      place = retry;
    } else {
      return false;
    }
  }
  while (glob[at] === '*') at += 1;
  return at === glob.length;
}
