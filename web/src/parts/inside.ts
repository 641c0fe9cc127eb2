/** Where a link asks to be led to; the beginning, where that is out of here. */
export function inside(next: string | null): string {
  if (!next?.startsWith("/")) return "/";
  // In an address browsers leave tabs and ends of lines out, and take \ for /.
  return /^\/[/\\]|\p{Cc}/u.test(next) ? "/" : next;
}
