/**
 * Logging by LogTape, to standard error.
 *
 * @module
 */

import {
  configure,
  dispose,
  type Drainable,
  getTextFormatter,
  type LogLevel,
  type LogRecord,
  type Sink,
  type TextFormatter,
  withFilter,
} from "@logtape/logtape";
import { delay } from "@std/async/delay";
import { STDERR } from "../../ffi/standard_streams.ts";
import { printableJson, printableText } from "../../protocol/printable_text.ts";
import { streamSink } from "./stream_sink.ts";

/** The levels that `AGENT_LOG_LEVEL` may name, from the most to the least verbose. */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
};

/** The priorities of syslog(3), as journald takes them in front of a line. */
const PRIORITIES: Readonly<Record<LogLevel, number>> = {
  fatal: 2,
  error: 3,
  warning: 4,
  info: 6,
  debug: 7,
  trace: 7,
};

/** The properties of warnings and errors that are texts for people. */
const MESSAGE_TEXTS: readonly string[] = ["error", "warning"];

/** How long the last records may take to be written, in milliseconds. */
const CLOSE_GRACE = 500;

/**
 * Configures logging: text for a terminal, JSON lines for everything else, with
 * a priority in front for journald.
 *
 * @param level The value of `AGENT_LOG_LEVEL`, `info` by default.
 * @param toJournal Whether standard error is the journal, see `JOURNAL_STREAM`
 * in systemd.exec(5).
 * @param auditFile Where audit records go besides, as JSON lines, whatever the
 * level.
 * @throws {RangeError} If there is no such level.
 * @throws {Error} If the file cannot be opened.
 */
export async function configureLogging(
  level = "info",
  toJournal = false,
  auditFile?: string,
): Promise<void> {
  const lowestLevel = Object.hasOwn(LEVELS, level) ? LEVELS[level] : undefined;
  if (lowestLevel === undefined) {
    const levels = Object.keys(LEVELS).join(", ");
    throw new RangeError(
      `Cannot log at level "${level}": AGENT_LOG_LEVEL must be one of ${levels}`,
    );
  }
  const audit = auditFile === undefined
    ? undefined
    : await openAudit(auditFile);
  await configure<string, never>({
    sinks: {
      stderr: streamSink(STDERR, selectFormatter(toJournal)),
      ...(audit && { audit: withFilter(audit, "info") }),
    },
    loggers: [
      { category: "cocoon-agent", lowestLevel, sinks: ["stderr"] },
      {
        category: ["cocoon-agent", "audit"],
        lowestLevel: "debug",
        sinks: audit ? ["audit"] : [],
      },
      {
        category: ["logtape", "meta"],
        lowestLevel: "warning",
        // Sinks' failures are told here.
        sinks: ["stderr"],
      },
    ],
  });
}

/**
 * Writes out what was logged, for as long as standard error takes it, and ends
 * logging.
 */
export async function closeLogging(): Promise<void> {
  const over = new AbortController();
  const late = delay(CLOSE_GRACE, { signal: over.signal }).catch(() => {});
  await Promise.race([dispose(), late]);
  over.abort();
}

async function openAudit(
  path: string,
): Promise<Sink & Drainable & AsyncDisposable> {
  // Only agents that keep such a file load what it takes.
  const { auditFileSink } = await import("./audit_file.ts");
  return await auditFileSink(path, (record) => `${formatJsonLine(record)}\n`);
}

function selectFormatter(toJournal: boolean): TextFormatter {
  if (Deno.stderr.isTerminal()) {
    return getTextFormatter({
      timestamp: "time",
      level: "FULL",
      value: "bare",
      // LogTape leaves bidirectional controls in a caller's words as they are.
      format: ({ timestamp, level, category, message }) =>
        `${timestamp} [${level}] ${category}: ${
          printableText(message, Infinity)
        }`,
    });
  }
  const prefix = ({ level }: LogRecord) =>
    toJournal ? `<${PRIORITIES[level]}>` : "";
  return (record) => `${prefix(record)}${formatJsonLine(record)}\n`;
}

const formatMessage = getTextFormatter({
  value: "bare",
  format: ({ message }) => message,
});

/**
 * One object a line. LogTape's own formatter quotes the values in a message once
 * more, which nobody can read.
 */
function formatJsonLine(record: LogRecord): string {
  const message = formatMessage(record).trimEnd();
  return printableJson({
    "@timestamp": new Date(record.timestamp).toISOString(),
    level: record.level === "warning" ? "WARN" : record.level.toUpperCase(),
    message,
    logger: record.category.join("."),
    ...otherFields(record, message),
  });
}

/** Returns the fields of a record without the texts that its message consists of. */
function otherFields(
  { level, properties }: LogRecord,
  message: string,
): Record<string, unknown> {
  if (level !== "warning" && level !== "error") return properties;
  const entries = Object.entries(properties).filter(([name, value]) =>
    !(MESSAGE_TEXTS.includes(name) && message.includes(String(value)))
  );
  return Object.fromEntries(entries);
}
