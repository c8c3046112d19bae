import process from 'node:process';
import { Looker } from '../../lib/bus/inspect/looker.ts';

/** A looker in a process of its own, of the user that it is told, which says what became of it. */
const [path = '', uid = '0', token = ''] = process.argv.slice(2);
if (uid !== String(process.getuid?.())) {
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}
const given = { token: token === '' ? undefined : token, timeout: 20_000 };
const outcome = await Looker.open({ path }, given).then(
  async (looker) => {
    await looker.ask('about', {}, 20_000);
    await looker.close();
    return 'let in';
  },
  ({ code }: { readonly code: string }) => code,
);
process.send?.(outcome);
process.disconnect?.();
