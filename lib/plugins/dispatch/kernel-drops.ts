/**
 * How many datagrams the system dropped at these UDP ports since they were opened, as Linux tells it; undefined elsewhere.
 */
export async function readKernelDrops(
  readText: (path: string) => Promise<string>,
  ports: readonly number[],
): Promise<number | undefined> {
  try {
    const tables = await Promise.all([readText('/proc/net/udp'), readText('/proc/net/udp6')]);
    return tables.reduce((sum, table) => sum + sumDrops(table, new Set(ports)), 0);
  } catch {
    return undefined;
  }
}

/** Sums the last column of the rows whose local port is one of `ports`. */
export function sumDrops(table: string, ports: ReadonlySet<number>): number {
  let sum = 0;
  for (const row of table.split('\n').slice(1)) {
    const columns = row.trim().split(/\s+/);
    const port = Number.parseInt(columns[1]?.split(':')[1] ?? '', 16);
    const drops = Number(columns.at(-1));
    if (ports.has(port) && Number.isInteger(drops)) sum += drops;
  }
  return sum;
}
