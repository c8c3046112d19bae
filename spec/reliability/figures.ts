import { appendFileSync } from 'node:fs';

/** Notes what was measured for a row of docs/reliability.md, where `RELIABILITY_FIGURES` names a file for it. */
export function figure(row: string, values: Readonly<Record<string, number | string>>): void {
  const file = process.env['RELIABILITY_FIGURES'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ row, ...values })}\n`);
}
