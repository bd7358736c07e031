// How `serve FOLDER` and `predict` are told who must have signed what they load. There is no default that loads anybody's bytes.
import type { Command } from 'commander';
import { AirlockError } from '../core/index.ts';

export interface TrustOptions {
  readonly key?: string;
  readonly unsafeUnsigned?: boolean;
}

/** Adds `--key` and `--unsafe-unsigned`; `where` is said behind each, for example `; only for a folder`. */
export function addTrustOptions(command: Command, where = ''): Command {
  return command
    .option('--key <file>', `public key (PEM) whose owner must have signed the model and its release${where}`)
    .option('--unsafe-unsigned', `load models that nobody has to have signed${where}`);
}

/** @throws USAGE unless exactly one of the two is given. */
export function assertTrustGiven({ key, unsafeUnsigned = false }: TrustOptions, instead: string): void {
  if (unsafeUnsigned !== (key === undefined)) {
    throw new AirlockError('USAGE', {
      message: `Give --key with the public key of who must have signed the model, ${instead}, or --unsafe-unsigned for a model that nobody has to have signed`,
    });
  }
}
