// Which judge looks at which operation. Everything that is not named here is harmless by its name and values, or belongs to another folder
// (sizes and loops: src/scan/values).
import type { Body } from '../graph/index.ts';
import { givingOps, takingOps } from './blocking-pairs.ts';
import type { Case, OpRisk } from './hazard-types.ts';
import { judgeDebug, judgeDescriptors, judgeDump, judgePrint } from './judge-attributes-paths.ts';
import { judgeGiving, judgeTaking } from './judge-blocking.ts';
import { judgeModule } from './judge-code.ts';
import { judgeConstant } from './judge-constant.ts';
import { judgePath } from './judge-paths.ts';
import { judgeReader, readingOps } from './judge-readers.ts';
import { judgeCollective, judgeRemoteCall, judgeRun, judgeSleep } from './judge-run.ts';
import { judgeSaverOp } from './judge-saver.ts';
import { fileRisks } from './op-risks-files.ts';
import { runRisks } from './op-risks-run.ts';
import { saverRisks } from './op-risks-saver.ts';

export type OpJudge = (c: Case, body: Body, node: number) => void;

const judges = new Map<string, OpJudge>();

function add(ops: readonly string[], judge: OpJudge): void {
  for (const op of ops) judges.set(op, judge);
}

function addRisks(risks: readonly OpRisk[], judge: (c: Case, body: Body, node: number, risk: OpRisk) => void): void {
  for (const risk of risks) add(risk.ops, (c, body, node) => judge(c, body, node, risk));
}

addRisks(fileRisks, judgePath);
addRisks(saverRisks, judgeSaverOp);
addRisks(
  runRisks.filter(({ ruleId }) => ruleId !== 'network/collective'),
  (c, body, node, risk) => judgeRun(c, body, node, risk),
);
addRisks(
  runRisks.filter(({ ruleId }) => ruleId === 'network/collective'),
  judgeCollective,
);
add(takingOps, judgeTaking);
add(givingOps, judgeGiving);
add(readingOps, judgeReader);
add(['PrintV2'], judgePrint);
add(['DecodeProtoV2', 'EncodeProto'], judgeDescriptors);
add(['DumpTensor'], judgeDump);
add(
  [
    ...['DebugIdentity', 'DebugIdentityV2', 'DebugIdentityV3', 'DebugNanCount', 'DebugNumericSummary', 'DebugNumericSummaryV2'],
    ...['Copy', 'CopyHost', 'DebugGradientIdentity', 'DebugGradientRefIdentity'],
  ],
  judgeDebug,
);
add(['RemoteCall'], judgeRemoteCall);
add(['SleepDataset', 'ExperimentalSleepDataset', 'SleepOp', 'SleepIdentityOp'], judgeSleep);
add(['XlaCallModule'], judgeModule);
add(['Const', 'HostConst'], judgeConstant);

/** By the name of the operation. */
export const opJudges: ReadonlyMap<string, OpJudge> = judges;
