#!/usr/bin/env node
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const templates = fileURLToPath(new URL('templates', import.meta.url));
const names = readdirSync(templates).sort();
const usage = `usage: npm create busbar [FOLDER] [-- --template NAME]

Makes a project with busbar in FOLDER (default: busbar-app). Templates: ${names.join(', ')} (default: two-processes).
`;

try {
  const { values, positionals } = readArguments();
  if (values.help) process.stdout.write(usage);
  else create(resolve(positionals[0] ?? 'busbar-app'), values.template);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

function readArguments() {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    template: { type: 'string', short: 't', default: 'two-processes' },
  };
  try {
    const read = parseArgs({ allowPositionals: true, options });
    if (read.positionals.length <= 1) return read;
  } catch (error) {
    throw new Error(`${error.message}\n\n${usage}`, { cause: error });
  }
  throw new Error(`One folder is enough.\n\n${usage}`);
}

function create(folder, template) {
  if (!names.includes(template)) throw new Error(`There is no template ${template}. Templates: ${names.join(', ')}`);
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Error(`${folder} is not empty.`);
  cpSync(join(templates, template), folder, { recursive: true });
  // npm packs no file of that name as it is.
  renameSync(join(folder, '_gitignore'), join(folder, '.gitignore'));
  const manifest = join(folder, 'package.json');
  const content = { name: packageName(folder), ...JSON.parse(readFileSync(manifest, 'utf8')) };
  writeFileSync(manifest, `${JSON.stringify(content, null, 2)}\n`);
  const near = relative(process.cwd(), folder);
  const place = near.startsWith('..') ? folder : near;
  const steps = [...(place === '' ? [] : [`cd ${place}`]), 'npm install', 'npm start'];
  process.stdout.write(`Made ${folder} by the template ${template}.\n\n  ${steps.join('\n  ')}\n`);
}

/** What npm takes as a name. */
function packageName(folder) {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '');
  return name === '' ? 'busbar-app' : name;
}
