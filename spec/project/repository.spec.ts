import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { command } from '../support/command.ts';
import { root } from '../support/repository.ts';

/** Path and text of every file that is, or is about to be, in the repository. */
let files: readonly (readonly [path: string, text: string])[] = [];

function linesWith(pattern: RegExp): string[] {
  return files.flatMap(([path, text]) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

interface Locked {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dependencies?: object;
  readonly devDependencies?: object;
  readonly optionalDependencies?: object;
}

/** Whether the package at `path` finds `name`, in its own folder or in one above it. */
function isLocked(packages: Readonly<Record<string, Locked>>, path: string, name: string): boolean {
  const folders = (path === '' ? '' : `${path}/`).split('node_modules/');
  const places = folders.map((_, at) => folders.slice(0, at + 1).join('node_modules/'));
  return places.some((place) => packages[`${place}node_modules/${name}`] !== undefined);
}

describe('repository', () => {
  before(async function () {
    const listed = await command('git', ['ls-files', '-z', '--cached'], { cwd: root }).catch(() => undefined);
    // Outside a clone, such as in an unpacked archive, nothing says which files are the project's own.
    if (listed?.code !== 0) return this.skip();
    const paths = listed.stdout.split('\0').filter((path) => path !== '' && !/\.(?:png|ico|jpg|gz)$/.test(path));
    files = paths.flatMap((path): [string, string][] => {
      try {
        return [[path, readFileSync(join(root, path), 'utf8')]];
      } catch {
        return [];
      }
    });
    expect(files.length).to.be.greaterThan(10);
  });

  it('files - name no package registry', () => {
    expect(linesWith(/https?:\/\/[\w.-]*(?:registry|npmjs|npmmirror|artifactory|pypi)\b/i)).to.deep.equal([]);
  });

  it('files - name no path of one machine', () => {
    expect(linesWith(/(?<![\w.*-])\/(?:work|home|root|Users)\/(?!\$|<)\w/)).to.deep.equal([]);
  });

  for (const folder of ['', 'bench/', 'site/', 'prose/', 'examples/nestjs/']) {
    const read = (name: string) =>
      JSON.parse(readFileSync(join(root, folder, name), 'utf8')) as Record<string, unknown>;
    const locked = () => read('package-lock.json')['packages'] as Record<string, Locked>;

    it(`${folder}package-lock.json - has versions and checksums and no address`, () => {
      const packages = Object.entries(locked()).filter(([path]) => path !== '');
      expect(packages.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).to.deep.equal([]);
      expect(packages.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path)).to.deep.equal([]);
    });

    it(`${folder}package-lock.json - is for the dependencies that the manifest names`, () => {
      const { dependencies, devDependencies } = read('package.json');
      expect(locked()['']?.dependencies).to.deep.equal(dependencies);
      expect(locked()['']?.devDependencies).to.deep.equal(devDependencies);
    });

    it(`${folder}package-lock.json - has the optional packages of every platform, without which npm ci fails`, () => {
      const packages = locked();
      const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies).filter((name) => !isLocked(packages, path, name)),
      );
      expect(missing).to.deep.equal([]);
    });
  }

  it('dependencies - none the package needs at run time has an install script', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<
        string,
        { dev?: boolean; devOptional?: boolean; optional?: boolean; hasInstallScript?: boolean }
      >;
    };
    const scripted = Object.entries(lock.packages).filter(
      ([, entry]) => entry.hasInstallScript && !entry.dev && !entry.devOptional && !entry.optional,
    );
    expect(scripted.map(([path]) => path)).to.deep.equal([]);
  });

  it('specs - none is left out or alone', () => {
    const wrong = linesWith(/\b(?:it|describe)\.(?:only|skip)\(/).filter((line) => line.startsWith('spec/'));
    expect(wrong).to.deep.equal([]);
  });

  it('errors - their messages begin with a capital or a name of the API, and have no full stop', () => {
    const names =
      /^(?:(?:signal|takeover|generateID|journal|onTakeover|readyTimeoutMs|use|handle|enumOf|reusePort|peer|accept|private_key|dispatch|interserve|fleetStop|consume|connectionStateRecovery|outbox|multicast|open|close|own|cluster|everyone|remote|joint|channels|shutdownOn)\b|ports\.)/;
    const messages = files
      .filter(([path]) => path.startsWith('lib/'))
      .flatMap(([path, text]) =>
        [...text.matchAll(/new BusError\(\s*'\w+',\s*(?:\w+ \? )?(['`])((?:(?!\1)[^\\]|\\.)*)\1/g)].map(
          ([, , message = '']) => [path, message] as const,
        ),
      );
    expect(messages.length).to.be.greaterThan(400);
    const wrong = messages.filter(([, text]) => (/^[a-z]/.test(text) && !names.test(text)) || text.endsWith('.'));
    expect(wrong.map((where) => where.join(': '))).to.deep.equal([]);
  });

  it('specs - have 400 lines at the most', () => {
    const long = files.filter(([path, text]) => /^spec\/.*\.ts$/.test(path) && text.split('\n').length > 401);
    expect(long.map(([path]) => path)).to.deep.equal([]);
  });

  it('specs of sessions - are one for each file, but for those that are types alone', () => {
    const named = (folder: string, ending: string) =>
      files.filter(([path]) => path.startsWith(folder) && path.endsWith(ending));
    const nouns = named('lib/session/', '.ts')
      .filter(([, text]) => /^export (?:abstract |async )?(?:class|function|const) /m.test(text))
      .map(([path]) => path.slice('lib/session/'.length, -'.ts'.length));
    const specs = named('spec/session/', '.spec.ts').map(([path]) =>
      path.slice('spec/session/'.length, -'.spec.ts'.length),
    );
    expect(specs.toSorted()).to.deep.equal(nouns.toSorted());
  });
});
