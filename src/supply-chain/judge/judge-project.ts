// All facts of a project to findings: each package by itself, and indexes, images and piped scripts where a file installs TensorFlow or Keras, itself or
// through the files that it includes.
import type { Fact, Finding, Gap, PackageUse } from '../supply-chain-types.ts';
import { judgeImage } from './judge-image.ts';
import { judgeIndex } from './judge-index.ts';
import { isOfInterest, judgePackage } from './judge-package.ts';
import { makeFinding } from './make-finding.ts';
import type { Resolved } from './resolve-includes.ts';
import { Locks } from './resolve-locks.ts';
import type { VersionFacts } from './version-facts.ts';

export interface Judgement {
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
  /** Uses of interest per file. */
  readonly uses: ReadonlyMap<string, number>;
}

export function judgeProject({ facts, includes, gaps }: Resolved, versions: VersionFacts): Judgement {
  return new ProjectJudge(facts, includes, versions).judge(gaps);
}

class ProjectJudge {
  private readonly uses = new Map<string, PackageUse[]>();
  private readonly locks: Locks;
  private readonly facts: Resolved['facts'];
  private readonly includes: Resolved['includes'];
  private readonly versions: VersionFacts;

  constructor(facts: Resolved['facts'], includes: Resolved['includes'], versions: VersionFacts) {
    this.facts = facts;
    this.includes = includes;
    this.versions = versions;
    this.locks = new Locks(facts, includes);
    const known = new Map<string, boolean>();
    for (const [file, list] of facts) {
      const found = list.filter((fact): fact is PackageUse => {
        if (fact.kind !== 'package') return false;
        const known1 = known.get(fact.name) ?? isOfInterest(fact.name);
        known.set(fact.name, known1);
        return known1;
      });
      if (found.length > 0) this.uses.set(file, found);
    }
  }

  judge(gaps: readonly Gap[]): Judgement {
    const said: (Finding | Gap)[] = [...gaps];
    for (const [file, facts] of this.facts) {
      for (const use of this.uses.get(file) ?? []) said.push(...judgePackage(use, this.versions, this.decided(use)));
      const reached = this.reached(file);
      for (const fact of facts) said.push(...this.surroundings(fact, reached));
    }
    const findings = said.filter((one): one is Finding => !('kind' in one));
    const open = said.filter((one): one is Gap => 'kind' in one);
    return {
      findings: distinct(findings),
      gaps: distinct(open),
      uses: new Map([...this.uses].map(([file, list]) => [file, list.length])),
    };
  }

  private decided(use: PackageUse) {
    return this.locks.decided(use);
  }

  /** Everything of interest that a file installs, through the files that it includes too. */
  private reached(file: string): readonly PackageUse[] {
    const found: PackageUse[] = [];
    const seen = new Set<string>([file]);
    const waiting = [file];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      found.push(...(this.uses.get(next) ?? []).filter(({ role }) => role !== 'constraint'));
      for (const { file: target } of this.includes.get(next) ?? []) {
        if (!seen.has(target)) waiting.push(target);
        seen.add(target);
      }
    }
    return found;
  }

  private surroundings(fact: Fact, reached: readonly PackageUse[]): (Finding | Gap)[] {
    switch (fact.kind) {
      case 'gap':
        return [fact];
      case 'image':
        return judgeImage(fact, this.versions, reached.length > 0);
      case 'index': {
        const concerned = fact.scope === 'project' ? [...this.uses.values()].flat() : reached;
        if (concerned.length === 0) return [];
        const hashed = concerned.every((use) => use.hashed || this.decided(use)?.hashed === true);
        const finding = judgeIndex(fact, hashed);
        return finding === undefined ? [] : [finding];
      }
      case 'piped-script':
        if (reached.length === 0) return [];
        return [
          makeFinding('piped-script', {
            place: fact.place,
            message: `${fact.text} runs what an address answers`,
            fix: 'download to a file, compare its SHA-256 (echo "DIGEST  file" | sha256sum -c -), then run it; or install it from a package with a version',
          }),
        ];
      default:
        return [];
    }
  }
}

function distinct<T>(list: readonly T[]): T[] {
  const seen = new Set<string>();
  return list.filter((one) => {
    const key = JSON.stringify(one);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}
