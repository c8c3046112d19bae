import process from 'node:process';

/** systemd-notify itself waits up to 5 s until it was heard. */
const timeoutMs = 20_000;

/**
 * Tells systemd the state of a service with `Type=notify` and `NotifyAccess=all`, by the program `systemd-notify`: that it is ready unless
 * another `state` is given, such as `STOPPING=1` or `STATUS=…`. Resolves with false where nobody waits for it, or it cannot be told; never rejects.
 */
export function notifySystemd(state = 'READY=1'): Promise<boolean> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return Promise.resolve(false);
  const { execFile } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve) => {
    try {
      execFile('systemd-notify', [state], { timeout: timeoutMs }, (error) => resolve(error === null));
    } catch {
      resolve(false);
    }
  });
}
