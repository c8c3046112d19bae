import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import process from 'node:process';
import { asBusError, BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import type { Server } from '../../bus/node-server.ts';
import { notifySystemd } from '../../bus/process/systemd.ts';
import { Fleet, fleet, type FleetConfig } from '../../plugins/fleet/index.ts';
import { load } from './config.ts';
import { Control, controlPath, type Running } from './control.ts';
import { type Display, JsonLines, LiveTable } from './screen.ts';

interface Started extends Running {
  start(): Promise<unknown>;
}

/**
 * Runs a fleet until it is stopped: by a command, or by SIGINT or SIGTERM, at the second of which the process ends at once. Resolves with true
 * once all has ended in order, false where nothing was left to run. Rejects with what kept it from starting; nothing is left then.
 */
export async function runFleet(config: FleetConfig, isJson: boolean): Promise<boolean> {
  const control = new Control(config.path);
  await control.open().catch((error: unknown) => {
    const { code } = asBusError(error, 'ERR_LISTEN');
    if (code !== 'ERR_ADDRESS_IN_USE') throw error;
    throw new BusError(code, `A fleet runs at ${config.path} already (${controlPath(config.path)})`, { cause: error });
  });
  try {
    const running = await makeFleet(config);
    return await new Run(running, control, isJson).ended;
  } finally {
    await control.close();
  }
}

/** The fleet with its hub: a server that the config names, or one of its own. */
async function makeFleet({ path, groups, hub }: FleetConfig): Promise<Started> {
  if (hub === undefined) return new Fleet(groups, { path, print: false });
  if (!existsSync(hub)) throw new BusError('ERR_INVALID_OPTION', `Option hub: there is no file ${hub}`);
  const server = (await load(hub)) as Partial<Server>;
  if (typeof server?.use !== 'function' || server.address === undefined) {
    throw new BusError('ERR_INVALID_OPTION', `Option hub: ${hub} exports no server that was started`);
  }
  const crew = (server as Server).use(fleet(groups, { print: false }));
  return {
    start: () => crew.start(),
    stop: async () => {
      await crew.stop();
      await (server as Server).close();
    },
    restart: (group) => crew.restart(group),
    scale: (group, count) => crew.scale(group, count),
    status: () => crew.status(),
    on: (event, listener) => crew.on(event, listener),
  };
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

class Run {
  readonly ended: Promise<boolean>;
  readonly #fleet: Started;
  readonly #display: Display;
  #stopping: Promise<void> | undefined;
  #end: (isDone: boolean) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(running: Started, control: Control, isJson: boolean) {
    this.#fleet = running;
    this.#display =
      process.stdout.isTTY && !isJson
        ? new LiveTable(
            () => running.status(),
            () => process.stdout,
          )
        : new JsonLines();
    const over = new Promise<boolean>((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    for (const signal of signals) process.on(signal, this.#signalled);
    this.ended = this.#until(over);
    this.#tell();
    control.attend({
      status: () => running.status(),
      restart: (group) => running.restart(group),
      scale: (group, count) => running.scale(group, count),
      on: (event, listener) => running.on(event, listener),
      stop: async () => {
        // Who asked for it learns of it before its link is closed.
        await this.#stop();
        setImmediate(() => this.#end(true));
      },
    });
    void this.#start();
  }

  async #until(over: Promise<boolean>): Promise<boolean> {
    try {
      return await over;
    } finally {
      for (const signal of signals) process.off(signal, this.#signalled);
      await this.#display.end();
    }
  }

  async #start(): Promise<void> {
    try {
      await this.#fleet.start();
      if (this.#stopping !== undefined) return;
      this.#display.event('ready', {});
      void notifySystemd();
    } catch (error) {
      if (this.#stopping !== undefined) return;
      if (this.#fleet.status().every(({ state }) => state === 'stopped')) {
        await this.#fleet.stop();
        this.#fail(error);
      } else {
        this.#display.event('failed', { message: textOf(error) });
      }
    }
  }

  #tell(): void {
    this.#fleet.on('up', (one) => this.#display.event('up', one));
    this.#fleet.on('down', (one, reason, exitCode, signal) => {
      this.#display.event('down', { ...one, reason, exitCode, signal });
    });
    this.#fleet.on('givenUp', (one) => {
      this.#display.event('given up', one);
      if (this.#stopping !== undefined || !this.#fleet.status().every(({ state }) => state === 'given-up')) return;
      this.#display.event('ended', { message: 'no process is left to run' });
      void this.#stop().then(() => this.#end(false));
    });
    this.#fleet.on('line', (one, line, stream) => this.#display.line(one, line, stream));
  }

  readonly #signalled = (signal: NodeJS.Signals): void => {
    if (this.#stopping !== undefined) process.exit(128 + constants.signals[signal]);
    this.#display.event('stopping', { message: `${signal}; send it again to end at once` });
    void this.#stop().then(() => this.#end(true));
  };

  #stop(): Promise<void> {
    this.#stopping ??= this.#fleet.stop().catch((error: unknown) => this.#fail(error));
    return this.#stopping;
  }
}
