// What the files of a project say, and what is said about it: facts that parsers make, findings that judges make. Plain data but for one function:
// how the line has to read, which only the parser of a file knows.
import type { Severity } from '../core/index.ts';

export interface Place {
  /** Relative to the project, `/` between folders. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/**
 * `requirement` a line that pip installs from; `command` an installation in a Dockerfile or in CI; `manifest` what a tool resolves (pyproject.toml, Pipfile,
 * requirements.in); `constraint` only narrows others; `lock` what a tool installs without choosing; `conda` and `conda-lock` the same for conda.
 */
export type Role = 'requirement' | 'command' | 'manifest' | 'constraint' | 'lock' | 'conda' | 'conda-lock';

export interface PackageUse {
  readonly kind: 'package';
  readonly place: Place;
  readonly role: Role;
  /** As written. */
  readonly name: string;
  /** Specifiers of PEP 440, empty for any version; undefined when they cannot be read or are not known. */
  readonly specifier: string | undefined;
  /** As `[and-cuda]` and so on, for the fix line. */
  readonly extras?: string;
  readonly hashed: boolean;
  /** From where, when not from an index. */
  readonly direct?: DirectSource;
  /** The index that a lock names. */
  readonly index?: string;
  /** Channel or build of conda. */
  readonly channel?: string;
  /** The line as it should be, for a specifier such as `==2.21.0`; a hash is put in where the format has one there. */
  readonly write: (name: string, specifier: string) => string;
  /** What to run after the line was changed, or instead where nobody edits the file by hand. */
  readonly afterwards?: string;
}

export interface DirectSource {
  readonly form: 'url' | 'vcs' | 'path';
  readonly text: string;
  /** A commit or a digest fixes what comes. */
  readonly fixed: boolean;
}

export type IndexOption = 'index-url' | 'extra-index-url' | 'find-links' | 'trusted-host' | 'no-verify';

export interface IndexUse {
  readonly kind: 'index';
  readonly place: Place;
  readonly option: IndexOption;
  readonly value: string;
  /** `file`: it holds for what the same file installs; `project`: for every installation in it; `package`: for one name only, which is safe. */
  readonly scope: 'file' | 'project';
}

export interface ImageUse {
  readonly kind: 'image';
  readonly place: Place;
  readonly image: string;
  /** The line with another image in its place. */
  readonly write: (image: string) => string;
}

/** A script from the network straight into a shell or Python. */
export interface PipedScript {
  readonly kind: 'piped-script';
  readonly place: Place;
  readonly text: string;
}

/** Another file that a file includes, relative to the project. */
export interface Include {
  readonly kind: 'include';
  readonly place: Place;
  /** As written. */
  readonly path: string;
  readonly constraint: boolean;
}

/** What could not be read or judged: nothing with one of these is clean. */
export interface Gap {
  readonly kind: 'gap';
  readonly place: Place;
  readonly reason: string;
}

export type Fact = PackageUse | IndexUse | ImageUse | PipedScript | Include | Gap;

/** A text file of the project, complete. */
export interface ProjectFile {
  readonly file: string;
  readonly text: string;
}

export interface Finding {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly place: Place;
  readonly package?: string;
  readonly version?: string;
  /** What is there: one sentence. */
  readonly message: string;
  /** What can happen through it: one sentence. */
  readonly why: string;
  /** The line as it should be. */
  readonly fix: string;
  /** CVE or GHSA ids, worst first. */
  readonly advisories?: readonly string[];
}

export interface ReportedFinding extends Finding {
  /** Hex, 16 characters: the same in the next audit, also when lines moved. */
  readonly fingerprint: string;
  /** The reason, when a suppression covers it. */
  readonly suppressed?: string;
}

export interface AuditedFile {
  readonly file: string;
  readonly format: string;
  /** Uses of TensorFlow, Keras and what imitates them. */
  readonly uses: number;
}

export interface SupplyChainReport {
  readonly schema: 'https://tf-airlock/supply-chain/v1';
  readonly airlock: string;
  /** The last part of the project's path. */
  readonly target: string;
  /** `refused`: a finding at `refuseAt` or above; `unreadable`: none, but something could not be judged. */
  readonly verdict: 'clean' | 'refused' | 'unreadable';
  readonly refuseAt: Severity;
  readonly data: { readonly advisories: string; readonly tensorflow: string; readonly keras: string };
  readonly files: readonly AuditedFile[];
  /** Worst first, then by place. */
  readonly findings: readonly ReportedFinding[];
  readonly unreadable: readonly { readonly file: string; readonly line: number; readonly reason: string }[];
}
