import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { ProcessTable } from '../../../base/process-table.ts';
import type { Random } from '../../../base/random.ts';
import { newNode, type OtherNode } from '../node-info.ts';
import type { Control, ControlCodec } from '../wire/control.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Wire } from '../wire/wire.ts';
import { Introductions } from './introductions.ts';
import { MissingNodes } from './missing-nodes.ts';
import { NameClaim } from './name-claim.ts';
import { OtherNodes } from './other-nodes.ts';
import { Settling } from './settling.ts';

export interface MembershipEvents {
  /** The node has joined, or cannot. */
  joined(): void;
  refused(error: BusError): void;
  changed(node: OtherNode, reason: string): void;
  /** A node is new here, and owes all its broadcasts from this one on. */
  met(node: OtherNode, owedFrom: number): void;
  /** A node said this, about what is between the two. */
  said(node: OtherNode, control: Control): void;
}

export interface MembershipOptions {
  readonly node: string;
  readonly incarnation: number;
  readonly heartbeatMs: number;
  readonly deadAfterMs: number;
  readonly maxNodes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly subjects: Subjects;
  readonly codec: ControlCodec;
  readonly events: MembershipEvents;
  readonly processes: ProcessTable;
  wire(): Wire;
  /** Clients of the server here. */
  connections(): number;
  /** The sequence of the last broadcast. */
  lastBroadcast(): number;
  /** From which broadcast on a node that asks is owed all of them. */
  owedFrom(node: string, incarnation: number): number;
}

/** A node is suspect after this many missed heartbeats. */
const suspectBeats = 2.5;
/** How often in a heartbeat the state of all nodes is checked. */
const looksPerBeat = 20;

/** Who is here: what nodes say of themselves, and what their silence says. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #events: MembershipEvents;
  readonly nodes: OtherNodes;
  readonly missing: MissingNodes;
  readonly #introductions: Introductions;
  readonly #claim: NameClaim;
  readonly #nameSubject: string;
  #beats = 0;
  #nextBeatAt = 0;
  #lookedAt = 0;
  #upSince: number | undefined;
  #timer: Timer | undefined;
  readonly #settling: Settling;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#nameSubject = options.subjects.name(options.node);
    this.#events = options.events;
    this.nodes = new OtherNodes(options.maxNodes, (other, reason) => options.events.changed(other, reason));
    this.#introductions = new Introductions({
      ...options,
      hello: (node, incarnation, nonce) =>
        this.#publish(options.subjects.to(node, incarnation), ['hello', ...this.#own, nonce, options.connections()]),
    });
    this.missing = new MissingNodes({
      ...options,
      nodes: this.nodes,
      upSince: () => this.#upSince,
      ask: (node, incarnation) => this.#introductions.ask(node, incarnation),
      gone: (node, its) => this.#publish(options.subjects.nodes, ['gone', ...this.#own, node, its]),
    });
    this.#settling = new Settling({ ...options, nodes: this.nodes, introductions: this.#introductions });
    this.#claim = new NameClaim({
      clock: options.clock,
      silentMs: options.deadAfterMs,
      ask: (nobody) => this.#askForName(nobody),
      taken: () => options.wire().subscribe(this.#nameSubject, this.hears(this.#nameSubject)),
      won: () => this.#joined(),
      lost: () => this.#lost(),
    });
  }

  get #own(): readonly [string, number] {
    return [this.#options.node, this.#options.incarnation];
  }

  up(): void {
    const { clock } = this.#options;
    const now = clock.now();
    this.#upSince = now;
    // Nobody could be heard before.
    for (const other of this.nodes.all) other.heardAt = now;
    this.#lookedAt = now;
    this.#timer ??= this.#lookLater();
    if (this.#claim.isWon) this.#beat();
    else this.#claim.begin();
  }

  down(): void {
    this.#upSince = undefined;
    this.#claim.pause();
  }

  /** Says that it leaves, and stops. */
  leave(): void {
    if (this.#claim.isWon) {
      this.#publish(this.#options.subjects.nodes, ['leave', ...this.#own, (this.#beats += 1)]);
    }
    this.stop();
  }

  stop(): void {
    this.#claim.pause();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#settling.stop();
    this.#upSince = undefined;
  }

  /** Sends to one node what concerns the two. */
  tell(node: OtherNode, control: Control): void {
    this.#publish(this.#options.subjects.to(node.id, node.incarnation), control);
  }

  /** A node that is not known, or not so, speaks. */
  stranger(node: string, incarnation: number): void {
    if (!this.#claim.isWon || node === this.#options.node) return;
    if (!this.#introductions.askStranger(node, incarnation)) return;
    const old = this.nodes.live(node);
    if (old !== undefined && old.incarnation !== incarnation) this.missing.look(node, old.incarnation);
  }

  #askForName(nobody: () => void): void {
    const { codec, wire } = this.#options;
    wire().probe(this.#nameSubject, codec.packet(this.#nameSubject, ['claim', ...this.#own]), nobody);
  }

  #joined(): void {
    this.#beat();
    this.#settling.begin();
  }

  #lost(): void {
    this.stop();
    this.#events.refused(new BusError('ERR_NAME_TAKEN', `There is a node "${this.#options.node}" already`));
  }

  #publish(subject: string, control: Control): void {
    this.#options.wire().publish(subject, this.#options.codec.packet(subject, control));
  }

  /** Reads what comes on `subject`. */
  hears(subject: string): (packet: Uint8Array) => void {
    return (packet) => {
      const control = this.#options.codec.read(subject, packet);
      if (control !== undefined) this.#heard(control);
    };
  }

  #heard(control: Control): void {
    const [kind, node, incarnation] = control;
    if (node === this.#options.node) {
      if (incarnation !== this.#options.incarnation) this.#namesake(kind, incarnation);
      return;
    }
    if (!this.#claim.isWon) return;
    const other = this.nodes.get(node);
    const known = other?.incarnation === incarnation ? other : undefined;
    switch (kind) {
      case 'beat':
        if (known === undefined) this.stranger(node, incarnation);
        else this.#heardBeat(known, control);
        return;
      case 'leave':
        if (known === undefined || control[3] <= known.beat) return;
        known.beat = control[3];
        this.nodes.change(known, 'left', 'it left');
        return;
      case 'hello':
        this.#answer(control);
        if (known === undefined) this.stranger(node, incarnation);
        return;
      case 'welcome':
        this.#welcomed(control);
        return;
      case 'gone':
        if (this.nodes.live(control[3], control[4]) !== undefined) this.missing.look(control[3], control[4]);
        return;
      case 'got':
      case 'ask':
      case 'note':
        if (known !== undefined) this.#events.said(known, control);
        return;
      case 'claim':
      case 'taken':
    }
  }

  /** Another node with the name of this one speaks. */
  #namesake(kind: Control[0], incarnation: number): void {
    const { node, subjects } = this.#options;
    if (kind === 'claim') {
      // Of two that come at once the greater one gets it; one that has it keeps it.
      if (this.#claim.isWon || incarnation < this.#options.incarnation) {
        this.#publish(subjects.to(node, incarnation), ['taken', ...this.#own]);
      }
    } else if (kind === 'taken' ? !this.#claim.isWon : kind === 'beat' && incarnation > this.#options.incarnation) {
      this.#claim.refuse();
    } else if (kind === 'beat' && this.#claim.isWon) {
      this.#beat();
    }
  }

  #answer([, node, incarnation, nonce]: Extract<Control, readonly ['hello', ...unknown[]]>): void {
    const { connections, owedFrom, processes, subjects } = this.#options;
    const told = [nonce, connections(), owedFrom(node, incarnation), processes.own()] as const;
    this.#publish(subjects.to(node, incarnation), ['welcome', ...this.#own, ...told]);
  }

  #welcomed(control: Extract<Control, readonly ['welcome', ...unknown[]]>): void {
    const [, id, incarnation, , connections, owedFrom, mark] = control;
    if (!this.#introductions.answered(control)) return;
    const heardAt = this.#options.clock.now();
    const known = this.nodes.get(id);
    if (known?.incarnation === incarnation) {
      if (known.state !== 'left') this.nodes.heardFrom(known, heardAt);
      return;
    }
    const old = this.nodes.live(id);
    if (old !== undefined) {
      if (old.incarnation > incarnation) return;
      this.nodes.change(old, 'dead', 'another incarnation took its place');
    }
    const other = newNode(id, incarnation, mark ?? undefined, connections, heardAt);
    if (!this.nodes.add(other)) return;
    this.#events.met(other, owedFrom);
    this.#events.changed(other, 'it joined');
  }

  #heardBeat(other: OtherNode, control: Extract<Control, readonly ['beat', ...unknown[]]>): void {
    const [, , , beat, connections] = control;
    if (beat <= other.beat) return;
    other.beat = beat;
    other.connections = connections;
    if (other.state === 'left') return;
    this.nodes.heardFrom(other, this.#options.clock.now());
    this.#events.said(other, control);
  }

  #beat(): void {
    const { clock, connections, heartbeatMs, lastBroadcast, subjects } = this.#options;
    this.#beats += 1;
    this.#nextBeatAt = clock.now() + heartbeatMs;
    this.#publish(subjects.nodes, ['beat', ...this.#own, this.#beats, connections(), lastBroadcast()]);
  }

  #lookLater(): Timer {
    const { clock, heartbeatMs } = this.#options;
    return clock.setTimer(
      () => {
        this.#timer = this.#lookLater();
        this.#look();
      },
      heartbeatMs / looksPerBeat,
      true,
    );
  }

  #look(): void {
    const { clock, heartbeatMs, deadAfterMs } = this.#options;
    const now = clock.now();
    const late = now - this.#lookedAt - heartbeatMs / looksPerBeat;
    this.#lookedAt = now;
    if (this.#upSince === undefined || !this.#claim.isWon) return;
    if (now >= this.#nextBeatAt) this.#beat();
    for (const other of [...this.nodes.all]) {
      // While this process was busy nobody was heard either.
      if (late > heartbeatMs / 2) other.heardAt += late;
      const silentMs = now - other.heardAt;
      if (silentMs >= deadAfterMs && other.state === 'suspect') this.nodes.change(other, 'dead', 'it was silent');
      else if (silentMs >= suspectBeats * heartbeatMs - heartbeatMs / looksPerBeat && other.state === 'up') {
        this.nodes.change(other, 'suspect', 'it is silent');
      }
    }
  }
}
