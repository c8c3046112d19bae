/**
 * Words of the field, in place of those that have to be read twice: what is not to be written, and what is. The key of each is
 * the source of a regular expression, which is held against the text without its code.
 */
export const words = {
  '\\bunless given\\b': '"default: …", or "by default"',
  '\\bfor ever\\b': '"no timeout", "without end", or "indefinitely"',
  '\\b(?:it|they|that|this) (?:is|are) none\\b': 'what it is instead: "invalid", "not a plugin"',
  '\\bputs? out\\b': '"removed", "kicked", "disconnected"',
  '\\bin the place of\\b': '"instead of"',
  '\\bas ever\\b': '"as before", "as usual"',
  '\\bbe had\\b': '"be available", "be installed"',
  '\\bgives? (?:it|them|him) up\\b': '"abandons", "drops"',
  '\\bis to be had\\b': '"is available"',
  '\\bwho may not in\\b': '"who is refused"',
  '\\bby chance\\b': '"at random"',
};
