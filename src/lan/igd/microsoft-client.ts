// Which clients stop at anything newer than InternetGatewayDevice:1: Windows, Xbox and the "FDSSDP" of Windows' function
// discovery read an IGD:2 description and go away. miniupnpd tells them apart by the same words.

export function needsIgd1(userAgent: string): boolean {
  return /microsoft/i.test(userAgent) || userAgent.includes('FDSSDP');
}
