export function ImagePage() {
  return <h1>ImagePage</h1>;
}
