import java.util.ArrayList;
import java.util.List;

/** Fills a list with 200 MB and drops it, five times, and keeps every twentieth row. */
class SawTooth {
    public static void main(String[] args) throws InterruptedException {
        List<byte[]> kept = new ArrayList<>();
        for (int batch = 0; batch < 5; batch++) {
            List<byte[]> rows = new ArrayList<>();
            for (int row = 0; row < 2000; row++) {
                rows.add(new byte[100 << 10]);
                if (row % 20 == 0) {
                    kept.add(new byte[100 << 10]);
                }
                Thread.sleep(2);
            }
            rows = null;
            System.gc();
            Thread.sleep(5000);
        }
        System.out.println(kept.size() + " rows kept");
    }
}
