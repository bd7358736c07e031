// `airlock contract lint`: prints what is worth a second look in a contract. Everything that judges is in src/contract/lint*.ts.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type LintFinding, lintContract, loadContract } from '../../../contract/index.ts';
import { AirlockError } from '../../../core/index.ts';
import { readSavedModel, selectMetaGraph } from '../../../model/index.ts';
import type { Signature } from '../../../tensor/index.ts';
import { counted } from '../../counted.ts';
import type { Io } from '../../io.ts';

interface LintOptions {
  readonly model?: string;
  readonly tags: string;
  readonly json?: boolean;
}

async function signaturesOf({ model, tags }: LintOptions): Promise<readonly Signature[] | undefined> {
  if (model === undefined) return undefined;
  return selectMetaGraph(await readSavedModel(resolve(model)), tags.split(',')).signatures;
}

function count(findings: readonly LintFinding[], severity: LintFinding['severity']): string {
  const number = findings.filter((finding) => finding.severity === severity).length;
  return counted(number, severity);
}

async function lint(file: string, options: LintOptions, io: Io): Promise<void> {
  const { contract, digest } = await loadContract(file);
  const findings = lintContract(contract, await signaturesOf(options));
  const { id, revision } = contract.metadata;
  if (options.json === true) {
    io.stdout.write(`${JSON.stringify({ id, revision, digest, findings }, undefined, 2)}\n`);
  } else {
    for (const { severity, path, text, id: name } of findings)
      io.stdout.write(`${severity.padEnd(7)}  ${path === '' ? '(whole)' : path}: ${text} [${name}]\n`);
    const totals = [count(findings, 'error'), count(findings, 'warning'), count(findings, 'note')].join(', ');
    io.stdout.write(`${id} revision ${revision}, digest ${digest}: ${totals}\n`);
  }
  if (findings.some(({ severity }) => severity === 'error'))
    throw new AirlockError('CONTRACT_MISMATCH', { message: `The contract has ${count(findings, 'error')}` });
}

/** Adds `airlock contract lint`. Exit code 1 when there is an error among the findings, 3 when the contract is not valid at all. */
export function addLintCommand(contract: Command, io: Io): void {
  contract
    .command('lint <file>')
    .description('Say what is unbounded, contradictory or never enforced in a contract')
    .option('--model <dir>', 'a SavedModel that the contract must go with')
    .option('--tags <tags>', 'the tags of its MetaGraph, separated by commas', 'serve')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nExample:\n  airlock contract lint contract.yaml --model models/credit/7')
    .action((file: string, options: LintOptions) => lint(file, options, io));
}
