// Who asked, for histories and the audit log.
import { userInfo } from 'node:os';
import { printable } from '../core/index.ts';
import type { Io } from './io.ts';

/** The user of the operating system; behind sudo also who called it. */
export function askerName(env: Io['env']): string {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    // A container whose user has no account.
    name = `user ${process.getuid?.() ?? 'unknown'}`;
  }
  const sudo = env.SUDO_USER;
  return printable(sudo === undefined || sudo === '' || sudo === name ? name : `${name} (${sudo})`, 128);
}
