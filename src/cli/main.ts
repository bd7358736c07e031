// The command line: finds the command, runs it, and turns what it throws into one line and an exit code.
// Exit codes: 0 clean, 1 findings or refusal, 2 usage, 3 bad configuration, 4 the environment lacks what was required, 5 it could not be judged.
import { Command, CommanderError } from 'commander';
import { AirlockError, errnoOf, errorSpec, packageVersion, printable } from '../core/index.ts';
import type { Io } from './io.ts';

type AddCommand = (program: Command, io: Io) => void;

/**
 * Each is loaded only when it is asked for: a server must not hold the code that signs, and does not need the code that reads anybody's data sets.
 */
const commands: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['serve', async () => (await import('./commands/serve.ts')).addServeCommand],
  ['predict', async () => (await import('./commands/predict.ts')).addPredictCommand],
  ['scan', async () => (await import('./commands/scan.ts')).addScanCommand],
  ['cost', async () => (await import('./commands/cost.ts')).addCostCommand],
  ['profile', async () => (await import('./commands/profile.ts')).addProfileCommand],
  ['contract', async () => (await import('./commands/contract.ts')).addContractCommands],
  ['harden', async () => (await import('./commands/harden.ts')).addHardenCommand],
  ['keys', async () => (await import('./commands/keys.ts')).addKeysCommands],
  ['sign', async () => (await import('./commands/sign.ts')).addSignCommand],
  ['attest', async () => (await import('./commands/attest.ts')).addAttestCommands],
  ['verify', async () => (await import('./commands/verify.ts')).addVerifyCommand],
  ['audit', async () => (await import('./commands/audit.ts')).addAuditCommands],
  ['status', async () => (await import('./commands/status.ts')).addStatusCommand],
  ['record', async () => (await import('./commands/record.ts')).addRecordCommands],
  ['runtime', async () => (await import('./commands/runtime.ts')).addRuntimeCommands],
  ['advisories', async () => (await import('./commands/advisories.ts')).addAdvisoriesCommands],
  ['doctor', async () => (await import('./commands/doctor.ts')).addDoctorCommand],
]);

/** Runs one command line, without the program's own name, and gives its exit code. */
export async function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  const program = await createProgram(args[0], io);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : errorSpec('USAGE').exit;
    return report(AirlockError.from(thrown), io);
  }
}

async function createProgram(name: string | undefined, io: Io): Promise<Command> {
  const program = new Command('airlock')
    .description('Serves TensorFlow models to people, and from people, that you do not trust.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) });
  const one = commands.get(name ?? '');
  // Help and mistakes need them all.
  for (const load of one === undefined ? commands.values() : [one]) (await load())(program, io);
  // Subcommands do not inherit these from commander by themselves.
  for (const command of allCommands(program)) command.exitOverride().configureOutput(program.configureOutput());
  return program;
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

function report(error: AirlockError, io: Io): number {
  const [first] = error.violations;
  // One violation is in the message already.
  io.stderr.write(`airlock: ${error.message}\n`);
  if (error.violations.length > 1 || (first !== undefined && !error.message.includes(first.got))) {
    for (const { path, expected, got } of error.violations)
      io.stderr.write(`  ${path === '' ? '(whole)' : path}: expected ${expected}, got ${got}\n`);
  }
  // It may hold names that a model's author chose.
  if (error.detail !== undefined) io.stderr.write(`  ${printable(error.detail, 4_096)}\n`);
  if (error.code === 'INTERNAL' && error.cause instanceof Error)
    io.stderr.write(`  ${error.cause.stack ?? error.cause.message}\n`);
  return errorSpec(error.code).exit;
}

function processIo(): Io {
  // Who reads may have seen enough (`| head`). That is no error to tell of; the exit code is that of a program which SIGPIPE ended.
  process.stdout.on('error', (error) => {
    const errno = errnoOf(error);
    if (errno === 'EPIPE') process.exit(141);
    // Whatever was found, nobody has been told: that must not look like an answer.
    process.stderr.write(`airlock: The output could not be written (${errno ?? 'unknown reason'})\n`);
    process.exit(4);
  });
  return { stdout: process.stdout, stderr: process.stderr, env: process.env, isTerminal: process.stderr.isTTY === true };
}
