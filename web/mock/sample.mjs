/** Markdown of every kind that the page knows, and what it must not run. */
export const sample = `# A heading

Some **bold**, *italic*, ~~gone~~ and \`code\`; a [link](https://example.com/a?b=c) and a [bad one](javascript:alert(1)).
두레는 **함께** 일하는 것입니다. Money: $5 and $6. Math: $e^{i\\pi} + 1 = 0$ and \\(\\frac{a}{b}\\).

$$
\\int_0^1 x^2\\,dx = \\frac{1}{3}
$$

- one
- two
  1. inner
- [x] done

| name | value |
|:-----|------:|
| a | 1<br>2 |
| b &amp; c | <b>3</b> |

\`\`\`python
def f(x: int) -> str:  # a comment
    return f"{x} times"
\`\`\`

> quoted

<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 1">
![picture](https://example.com/x.png)

The end.
`;
