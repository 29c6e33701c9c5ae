// What /proc knows about a running process and its network namespace.

import { readdirSync, readFileSync } from 'node:fs';

/** MiB; of the process alone, not of its children. */
export const residentMiB = (pid) => statusMiB(pid, 'VmRSS');

/** The most it ever had. */
export const highestResidentMiB = (pid) => statusMiB(pid, 'VmHWM');

function statusMiB(pid, name) {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line[1]) / 1024;
}

/** What the kernel charges to this process when shared pages are split among their users. */
export function proportionalMiB(pid) {
  const line = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Number(line[1]) / 1024;
}

export const openHandles = (pid) => readdirSync(`/proc/${pid}/fd`).length;

/** Seconds of CPU of the process and of the children it has waited for, and how often its threads gave up the CPU by themselves. */
export function effort(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
  let switches = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const line = /^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
    switches += Number(line[1]);
  }
  return { cpuSeconds: ticks / 100, switches };
}

/** SYNs the listener had no place for, in the namespace of `pid`. */
export const listenOverflows = (pid) => Number(tableRow(pid, 'netstat', 'TcpExt').ListenOverflows);

export const datagramsReceived = (pid) => Number(tableRow(pid, 'snmp', 'Udp').InDatagrams);

function tableRow(pid, file, name) {
  const lines = readFileSync(`/proc/${pid}/net/${file}`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${name}: `));
  const [names, values] = lines.map((line) => line.split(' ').slice(1));
  return Object.fromEntries(names.map((key, index) => [key, values[index]]));
}
