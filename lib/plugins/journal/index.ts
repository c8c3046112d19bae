export { type Outbox, outbox, type OutboxClient } from './database/outbox.ts';
export type { OutboxDatabase, OutboxStatement } from './database/outbox-database.ts';
export { journal } from './journal.ts';
export type { JournalSettings } from './journal-table.ts';
export { Log, type LogOwner, type LogRecord } from './log/log.ts';
export type { LogFile, LogFiles } from './log/files.ts';
export type { LogOptions } from './log/log-options.ts';
export type { LogReader, Stretch } from './log/log-reader.ts';
export type { Damage, Segment } from './log/repair.ts';
