import sys
import traceback

from analysis.exit_codes import ExitCode

try:
    from analysis.cli import main
except Exception:
    # Python would exit with 1, which here means a missed objective.
    traceback.print_exc()
    sys.exit(ExitCode.CRASHED)

if __name__ == "__main__":
    main()
