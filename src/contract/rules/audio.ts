// The rules of tensors whose strings are WAV files. Headers only: no sample is ever looked at, and nothing else than WAV is taken, because
// every other container is a parser in C that nobody here would want to meet a client's bytes.

import { readWavHeader, type WavHeader } from '../audio/index.ts';
import type { CompileContext, TensorCheck } from '../check-types.ts';
import type { AudioRules } from '../contract-types.ts';
import type { ruleTable } from '../rule-table.ts';

export type AudioRuleName = Extract<keyof typeof ruleTable, `audio.${string}`>;

export interface AudioViolation {
  readonly rule: AudioRuleName;
  readonly expected: string;
  readonly got: string;
}

const audioRuleNames: readonly AudioRuleName[] = [
  'audio.structure',
  'audio.sampleRate',
  'audio.channels',
  'audio.bitDepth',
  'audio.codings',
  'audio.durationSeconds',
  'audio.maxMetadataBytes',
];

/** Whether a header is compared with the rule: the structure is what there is no header without. */
function isSet(name: AudioRuleName, rules: AudioRules): boolean {
  return rules[name.slice('audio.'.length) as keyof AudioRules] !== undefined;
}

/** All that is wrong with one WAV file; empty when nothing is. */
export function audioViolations(bytes: Uint8Array, rules: AudioRules): AudioViolation[] {
  const { header, problem } = readWavHeader(bytes);
  return header === undefined ? [{ rule: 'audio.structure', ...problem }] : compare(header, rules);
}

function compare(header: WavHeader, rules: AudioRules): AudioViolation[] {
  const found: AudioViolation[] = [];
  const oneOf = <Value extends number | string>(
    rule: AudioRuleName,
    allowed: readonly Value[] | undefined,
    value: Value,
  ): void => {
    if (allowed !== undefined && !allowed.includes(value)) found.push({ rule, expected: allowed.join(', '), got: `${value}` });
  };
  oneOf('audio.sampleRate', rules.sampleRate, header.sampleRate);
  oneOf('audio.channels', rules.channels, header.channels);
  oneOf('audio.bitDepth', rules.bitDepth, header.bitDepth);
  oneOf('audio.codings', rules.codings, header.coding);
  const { min = 0, max = Number.POSITIVE_INFINITY } = rules.durationSeconds ?? {};
  const seconds = header.durationSeconds;
  if (seconds < min || seconds > max)
    found.push({
      rule: 'audio.durationSeconds',
      expected: seconds < min ? `at least ${min} seconds` : `at most ${max} seconds`,
      got: `${seconds}`,
    });
  if (header.metadataBytes > rules.maxMetadataBytes)
    found.push({
      rule: 'audio.maxMetadataBytes',
      expected: `at most ${rules.maxMetadataBytes} bytes`,
      got: `${header.metadataBytes}`,
    });
  return found;
}

/** The check of a tensor's WAV files; undefined when the contract says nothing of audio. It never changes the tensor. */
export function compileAudioRules(context: CompileContext): TensorCheck | undefined {
  const { audio } = context.rules;
  if (audio === undefined) return undefined;
  const bound = new Map(audioRuleNames.map((name) => [name, context.bind(name)]));
  const onHeaders = audioRuleNames.filter((name) => isSet(name, audio));
  return (tensor, { findings, path }) => {
    if (tensor.dtype !== 'DT_STRING') return tensor;
    const { bytes, offsets } = tensor;
    for (let element = 0; element < offsets.length - 1; element++) {
      const report = (name: AudioRuleName, expected: string, got: string): void => {
        const rule = bound.get(name);
        if (rule !== undefined)
          findings.report(
            rule,
            () => path(element),
            expected,
            () => got,
          );
      };
      const enforces = (name: AudioRuleName): boolean => {
        const rule = bound.get(name);
        return rule !== undefined && findings.outcomeOf(rule) === 'reject';
      };
      for (const { rule, expected, got } of audioViolations(bytes.subarray(offsets[element], offsets[element + 1]), audio)) {
        report(rule, expected, got);
        if (rule !== 'audio.structure' || enforces(rule)) continue;
        // Where the structure is only watched, every rule refuses that is enforced and could not be looked at.
        for (const name of onHeaders) if (enforces(name)) report(name, 'a WAV file that can be read', got);
      }
    }
    return tensor;
  };
}
