#!/usr/bin/env node
import process from 'node:process';
import { version } from '../base/version.ts';
import { addClient } from './client.ts';
import { addCompletion } from './completion.ts';
import { addDispatch } from './dispatch.ts';
import { addFleet } from './fleet/commands.ts';
import { addClients } from './inspect/commands.ts';
import { addDoctor } from './inspect/doctor.ts';
import { addInspect } from './inspect/inspect.ts';
import { addRecord } from './inspect/record.ts';
import { addTap } from './inspect/tap.ts';
import { addTrace } from './inspect/trace.ts';
import { addTop } from './inspect/top.ts';
import { addJournal } from './journal.ts';
import { Program } from './program.ts';

const onSignal = (listener: (signal: string) => void): void => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => listener(signal));
};

const program = new Program(version, {
  environment: process.env,
  out: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
  onSignal,
  onEnough(listener) {
    onSignal(listener);
    process.stdout.once('error', listener);
  },
});
addClient(program);
addClients(program);
addTop(program);
addTap(program);
addTrace(program);
addRecord(program);
addDoctor(program);
addInspect(program);
addFleet(program);
addDispatch(program);
addJournal(program);
addCompletion(program);

// Whoever reads our output may leave before us; that is not a failure of the command.
process.stdout.on('error', () => undefined);
void program.run(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
