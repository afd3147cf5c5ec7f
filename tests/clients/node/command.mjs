// What the JavaScript client programs share: read a command, write JSON lines.

export const emit = (result) => process.stdout.write(JSON.stringify(result) + "\n");

export const valueOf = (record) => ("size" in record ? "x".repeat(record.size) : record.value);

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export const text = (buffer) => (buffer === null || buffer === undefined ? null : buffer.toString());

// Name of what went wrong: Kafka's own where the client passes it on.
export const nameOf = (failure) =>
  failure.type ?? failure.apiId ?? failure.cause?.apiId ?? failure.errors?.map(nameOf)[0] ?? failure.code ?? failure.name;

export async function outcome(action) {
  try {
    await action();
    return null;
  } catch (failure) {
    return nameOf(failure);
  }
}

// Send every record on its own, one after the other or all at once, and report each.
export async function sendEach(command, send) {
  let failed = 0;
  const report = async (record, i) => {
    try {
      emit({ i, ...(await send(record)) });
    } catch (failure) {
      failed += 1;
      emit({ i, error: nameOf(failure) });
    }
  };
  const reports = [];
  for (const [i, record] of command.records.entries()) {
    reports.push(report(record, i));
    if (command.sync) await reports.at(-1);
    if (command.pause_ms) await sleep(command.pause_ms);
  }
  await Promise.all(reports);
  emit({ unsent: failed });
}

export async function run(actions) {
  const command = JSON.parse(process.argv[2]);
  await actions[command.do](command);
  process.exit(0);
}
