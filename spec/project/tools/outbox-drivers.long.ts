import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { command } from '../../support/command.ts';
import { ToolProject } from './tool-project.ts';

const opening = {
  'better-sqlite3': `import Database from 'better-sqlite3';
const database = new Database('better.db');
database.pragma('journal_mode = WAL');`,
  'node:sqlite': `import { DatabaseSync } from 'node:sqlite';
const database = new DatabaseSync('node.db');`,
};

const program = `
import { Client, Server } from 'busbar';
import { journal, outbox } from 'busbar/journal';
const [, , name] = process.argv;
const server = new Server({ path: name + '.sock', journal: journal(name + '-inbox') });
const heard = [];
const all = new Promise((resolve) => server.on('message', (data) => heard.push(data) === 1_002 && resolve()));
await server.start();
const client = new Client({ path: name + '.sock' });
client.on('error', (error) => console.log(error.message));
const box = outbox(database, client);
await client.connect();
database.exec('BEGIN');
for (let number = 1; number <= 1_000; number++) box.send(number);
await new Promise((resolve) => setTimeout(resolve, 200));
const before = heard.length;
database.exec('COMMIT');
database.exec('BEGIN');
box.send('rolled back');
database.exec('ROLLBACK');
box.send(1_001);
box.send({ bytes: new Uint8Array(3) });
await all;
const isInOrder = heard.slice(0, 1_001).every((number, index) => number === index + 1);
await box.close();
console.log(before, heard.length, isInOrder);
await client.close();
await server.close();
database.close();
`;

/** A Node that has both: better-sqlite3 13 comes with what it needs of the platform, from Node 22 on. */
const hasBoth = Number(process.versions.node.split('.')[0]) >= 24;
const platform = `node-${process.platform}-${process.arch}`;

describe('outbox, drivers of SQLite', function () {
  this.timeout(600_000);
  let project: ToolProject;

  before(async () => {
    project = await ToolProject.create(['better-sqlite3@13', ...(hasBoth ? [] : [`${platform}@24`])]);
  });
  after(() => project.remove());

  for (const [driver, open] of Object.entries(opening)) {
    it(`${driver} - what is committed is heard in order, and nothing that was rolled back`, async () => {
      project.write('outbox.mjs', `${open}\n${program}`);
      const node = hasBoth ? process.execPath : join(project.folder, 'node_modules', platform, 'bin/node');
      const name = driver.replace(':', '-');
      const { code, stdout, stderr } = await command(node, ['outbox.mjs', name], { cwd: project.folder });
      expect({ code, stdout }, stderr).to.deep.equal({ code: 0, stdout: '0 1002 true\n' });
    });
  }
});
