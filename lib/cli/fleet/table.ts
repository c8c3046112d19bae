import type { FleetProcess } from '../../plugins/fleet/index.ts';

const heads = ['GROUP', '#', 'PID', 'STATE', 'UP', 'RESTARTS', 'MEMORY', 'CPU', 'REQ/S'];
const toTheLeft = new Set([0, 3]);
const longestName = 16;
const units: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
];

/** A table of processes, as lines: the heads, then one for each. */
export function tableOf(processes: readonly FleetProcess[], now: number): string[] {
  const rows = [heads, ...processes.map((one) => cellsOf(one, now))];
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        toTheLeft.has(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function cellsOf(one: FleetProcess, now: number): string[] {
  const { group, number, pid, state, upSince, restarts, memoryBytes, cpu, requestsPerSecond } = one;
  return [
    group.length > longestName ? `${group.slice(0, longestName - 1)}…` : group,
    String(number),
    String(pid ?? '-'),
    state,
    upSince === undefined ? '-' : lasting(Math.max(0, now - upSince)),
    String(restarts),
    memoryBytes === undefined ? '-' : `${(memoryBytes / 1_048_576).toFixed(0)} MiB`,
    cpu === undefined ? '-' : `${(cpu * 100).toFixed(0)} %`,
    String(Math.round(requestsPerSecond)),
  ];
}

/** The two largest units of a time. */
function lasting(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  for (const [index, [unit, size]] of units.entries()) {
    if (seconds < size) continue;
    const [smaller, smallerSize] = units[index + 1] ?? ['s', 1];
    return `${Math.floor(seconds / size)}${unit} ${Math.floor((seconds % size) / smallerSize)}${smaller}`;
  }
  return `${seconds}s`;
}
