import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.transport.CredentialsProvider;
import org.eclipse.jgit.transport.PushResult;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.transport.RemoteRefUpdate;
import org.eclipse.jgit.transport.UsernamePasswordCredentialsProvider;

/**
 * Pushes with JGit: one job a line on stdin, `url repository user password thin refspec...`; SSH goes through
 * $GIT_SSH. Answers with one line of `ref status message` for each ref, and an empty one.
 */
public class WriteJgit {
  public static void main(String[] args) throws Exception {
    BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
    for (String line = jobs.readLine(); line != null; line = jobs.readLine()) {
      String[] job = line.split(" ");
      CredentialsProvider login = new UsernamePasswordCredentialsProvider(job[2], job[3]);
      RefSpec[] specs = new RefSpec[job.length - 5];
      for (int n = 5; n < job.length; n++) specs[n - 5] = new RefSpec(job[n]);
      try (Git local = Git.open(new File(job[1]))) {
        Iterable<PushResult> results =
            local.push().setRemote(job[0]).setThin(job[4].equals("thin")).setRefSpecs(specs)
                .setCredentialsProvider(login).call();
        for (PushResult result : results)
          for (RemoteRefUpdate ref : result.getRemoteUpdates())
            System.out.println(ref.getRemoteName() + " " + ref.getStatus() + " " + ref.getMessage());
      }
      System.out.println();
    }
  }
}
