import type { SeededRandom } from '../../../lib/testing/index.ts';

const numbers = [0, -0, 1, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53];
const others = [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, 0.5, -44.25, NaN, 1 / 0];
const texts = ['', 'a', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), '__proto__', '\u007f'];
/** What is written and read without msgpackr. */
export const simpleValues: readonly unknown[] = [...numbers, ...others, ...texts, true, false, null];

/** Lists and objects of those. */
export function flatValue(random: SeededRandom, levels: number): unknown {
  const pick = random.unit();
  if (levels === 0 || pick < 0.6) return simpleValues[Math.floor(random.unit() * simpleValues.length)];
  const count = Math.floor(random.unit() * (random.unit() < 0.1 ? 40 : 6));
  const items = Array.from({ length: count }, () => flatValue(random, levels - 1));
  return pick < 0.8 ? items : Object.fromEntries(items.map((item, index) => [`${'k'.repeat(index)}${index}`, item]));
}
