import { setTimeout as sleep } from 'node:timers/promises';
import type { Snapshot } from '../../bus/inspect/inspection-snapshot.ts';
import { exitCode } from '../failure.ts';
import { line, printableJson } from '../../base/printable.ts';
import { version } from '../../base/version.ts';
import type { Program } from '../program.ts';
import { lookCommand, looking, type LookValues } from './commands.ts';
import { lasting, short } from './text.ts';
import { SnapshotFeed } from './snapshots.ts';

/** Something that is not as it should be, and what to do about it. */
export interface Finding {
  readonly finding: string;
  readonly what: string;
  readonly advice: string;
}

/** From here on a limit is near. */
const near = 0.8;
const lateLoopMs = 100;
/** How long the event loop is looked at. */
const lookMs = 1_000;
const mostNamed = 5;

type PeerRow = Snapshot['peers'][number];

const listed = (names: readonly string[], all: number): string =>
  names.join(', ') + (all > names.length ? ` and ${all - names.length} more` : '');

/** Whose they are, as far as there is room. */
const named = (peers: readonly PeerRow[]): string => {
  const names = peers.slice(0, mostNamed).map(({ id, name }) => (name === undefined ? id : `${name} (${id})`));
  return listed(names, peers.length);
};

type Add = (finding: string, what: string, advice: string) => void;

/** Ends that do not speak the same. */
function addVersions({ busbar, stats, peers }: Snapshot, add: Add): void {
  if (busbar !== version)
    add(
      'versions',
      `the server runs busbar ${busbar ?? 'of an older version'}, this command is of ${version}`,
      'Install the same version of busbar for both, and restart the server.',
    );
  const legacy = peers.filter(({ delivery }) => delivery === 'legacy');
  if (legacy.length > 0)
    add(
      'versions',
      `net-ipc clients: ${named(legacy)}`,
      'They lose what is in flight when a link breaks; move them to busbar.',
    );
  const incompatible = stats.refused['ERR_INCOMPATIBLE'] ?? 0;
  if (incompatible > 0)
    add(
      'versions',
      `${incompatible} clients of another version of the protocol were refused`,
      'Bring both ends to versions of busbar that speak one version of the protocol.',
    );
}

/** Ends whose contracts differ, and values that went without one. */
function addContracts(peers: readonly PeerRow[], add: Add): void {
  const other = peers.filter(({ contracts }) => contracts !== undefined);
  if (other.length > 0) {
    const lacking = new Set(other.flatMap(({ contracts }) => contracts?.lacking ?? []));
    const unknown = Math.max(...other.map(({ contracts }) => contracts?.unknown ?? 0));
    const names = [...lacking].slice(0, mostNamed).map((name) => `"${name}"`);
    const lacks = lacking.size === 0 ? '' : `, which lack ${listed(names, lacking.size)} of this server`;
    const has = unknown === 0 ? '' : `, which have up to ${unknown} that this server lacks`;
    add(
      'contracts',
      `other contracts at ${named(other)}${lacks}${has}`,
      'Give both ends the same structs, of the same fields, in the option contracts, and restart the older one.',
    );
  }
  const fallbacks = peers.filter((peer) => peer.fallbacks > 0);
  if (fallbacks.length > 0)
    add(
      'fallbacks',
      `messages to ${named(fallbacks)} travelled without their contract`,
      'Give both ends the same structs in the option contracts; where they have them, a value does not fit its struct.',
    );
}

/** What is wrong, or will be soon, at a server. */
export function findingsOf(now: Snapshot): Finding[] {
  const { limits, peers, stats, loopMs } = now;
  const found: Finding[] = [];
  const add: Add = (finding, what, advice) => void found.push({ finding, what, advice });
  const nearing = (name: string, value: number, of: string, advice: string): void => {
    const limit = limits[name];
    if (limit === undefined || limit === 0 || !Number.isFinite(limit) || value < limit * near) return;
    add(`near ${name}`, `${of}: ${value} of ${limit}`, advice);
  };
  const largest = (by: (peer: PeerRow) => number): PeerRow | undefined =>
    peers.reduce<PeerRow | undefined>(
      (best, peer) => (best === undefined || by(peer) > by(best) ? peer : best),
      undefined,
    );
  const all = peers.length + now.peersLeftOut;
  nearing(
    'max',
    all,
    'connections',
    'Raise max, or have clients go: at the limit new ones are refused with ERR_SERVER_FULL.',
  );
  const away = peers.filter(({ attached }) => !attached);
  nearing(
    'maxDetached',
    away.length,
    'sessions without a link',
    'Raise maxDetached, or lower sessionGraceMs: at the limit the oldest session is lost.',
  );
  const unacked = largest((peer) => peer.unackedBytes);
  const pending = largest((peer) => peer.unackedMessages);
  const handling = largest((peer) => peer.handling);
  const slowly = 'The client handles less than it is sent: send less, handle faster, or choose a slowConsumer policy.';
  if (unacked !== undefined)
    nearing('maxUnackedBytes', unacked.unackedBytes, `bytes unacknowledged by ${named([unacked])}`, slowly);
  if (pending !== undefined)
    nearing('maxPendingMessages', pending.unackedMessages, `frames unacknowledged by ${named([pending])}`, slowly);
  if (handling !== undefined)
    nearing(
      'maxOpenRequests',
      handling.handling,
      `requests of ${named([handling])} being handled`,
      'The handler does not keep up: answer faster, or ask less at a time.',
    );
  const slow = peers.filter((peer) => peer.waiting > 0 || peer.slow > 0);
  if (slow.length > 0) add('slow peers', `${named(slow)}: less is read than sent, now or before`, slowly);
  if (away.length > 0)
    add(
      'sessions without a link',
      named(away),
      'The client has lost its link and may come back: check its process, and the network between.',
    );
  if (loopMs !== undefined && loopMs.p99 > lateLoopMs)
    add(
      'event loop',
      `${short(loopMs.p99)} ms late (p99), ${short(loopMs.max)} ms at most`,
      'Something computes too long at a time in the process: profile it, and move that to a thread or another process.',
    );
  addVersions(now, add);
  addContracts(peers, add);
  for (const [code, count] of Object.entries(stats.refused)) {
    if (code === 'ERR_INCOMPATIBLE') continue;
    add(
      'refused',
      `${count} times ${code} since ${lasting(now.at - stats.since)}`,
      'docs/errors.md says what the code means.',
    );
  }
  if (stats.undelivered > 0)
    add(
      'undelivered',
      `${stats.undelivered} messages went with lost sessions`,
      'Listen to undelivered, or send durably with a journal.',
    );
  if (stats.lateResponses > 0)
    add(
      'late answers',
      `${stats.lateResponses} answers came after their timeout`,
      'Give requests more time, or have handlers watch their signal.',
    );
  return found;
}

interface Values extends LookValues {
  readonly json?: true;
}

/** `busbar doctor`: what is wrong at a server, with what to do. */
export function addDoctor(program: Program): void {
  const { around } = program;
  lookCommand<Values>(program, 'doctor', 'what is wrong at a server, and what to do', (words, values) =>
    looking(words[0] ?? '', values, async (looker, left) => {
      // The event loop is looked at from the first snapshot on.
      const feed = new SnapshotFeed(looker);
      await feed.next(left.timeout);
      await sleep(lookMs);
      const found = findingsOf(await feed.next(left.timeout));
      if (values.json === true) around.out(found.map((one) => `${printableJson(one)}\n`).join(''));
      else if (found.length === 0) around.out('Nothing was found.\n');
      else around.out(found.map((one) => `${line(`${one.finding}: ${one.what}`)}\n    ${one.advice}\n`).join(''));
      return found.length === 0 ? exitCode.done : exitCode.refused;
    }),
  )
    .option('--json', 'a finding a line, as { finding, what, advice }')
    .addHelpText('after', '\nEnds with 1 where something was found.\n');
}
