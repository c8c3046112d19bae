/** The types of MessagePack extensions that bodies use, beside -1 for a Date. */
export const Extension = { undefined: 0, bigint: 0x42, error: 0x65, set: 0x73, binary: 0x74, regExp: 0x78 } as const;

/** The kinds of binary data in an extension: at their place what the same kind is called in a raw body. */
export const rawKinds: readonly (number | undefined)[] = (() => {
  const kinds: (number | undefined)[] = [3, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  kinds[16] = 1;
  kinds[17] = 13;
  return kinds;
})();
