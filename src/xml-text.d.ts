// Descriptor files arrive in the bundle as texts.

declare module '*.xml' {
  const text: string;
  export default text;
}
